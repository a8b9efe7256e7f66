"""Data that is loaded before the fork, and that the collector walks in every worker."""


class Node:
    """One place in a tree of categories."""

    def __init__(self, number, depth):
        self.name = f"category {number}"
        self.children = [Node(number * 10 + digit, depth - 1) for digit in range(10)] if depth else []


TREE = [Node(number, 4) for number in range(8)]
