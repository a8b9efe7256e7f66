"""OpenFeature, LaunchDarkly, Unleash and GrowthBook with their real packages, without any server."""

import pytest
from conftest import endpoint

import fewer


def test_openfeature(counted):
    pytest.importorskip("openfeature")
    from openfeature import api
    from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

    import fewer.openfeature

    flags = {
        "plain": InMemoryFlag("on", {"on": True, "off": False}),
        "text": InMemoryFlag("blue", {"blue": "#00f", "red": "#f00"}),
    }
    api.set_provider(InMemoryProvider(flags))
    api.add_hooks([fewer.openfeature.Hook()])
    try:
        client = api.get_client()
        with fewer.request("GET /of"):
            assert client.get_boolean_value("plain", False) is True
            assert client.get_string_value("text", "") == "#00f"
            assert client.get_boolean_value("missing", True) is True
    finally:
        api.clear_hooks()
    ((labels, counts),) = counted.requests().items()
    assert dict(labels)["flag:plain"] == "on" and dict(labels)["flag:missing"] == "true" and counts == (1, 0, 0)
    evaluations = counted.evaluations()
    assert evaluations["flag:plain", "on", 1] == 1 and evaluations["flag:missing", "true", 9] == 1


def test_openfeature_split_reason(counted):
    pytest.importorskip("openfeature")
    from openfeature.flag_evaluation import FlagEvaluationDetails, Reason
    from openfeature.hook import HookContext
    from openfeature.flag_evaluation import FlagType
    from openfeature.evaluation_context import EvaluationContext

    import fewer.openfeature

    context = HookContext("rollout", FlagType.BOOLEAN, False, EvaluationContext())
    with fewer.request("GET /split"):
        details = FlagEvaluationDetails("rollout", True, variant="treatment", reason=Reason.SPLIT)
        fewer.openfeature.Hook().after(context, details, {})
    assert counted.evaluations() == {("flag:rollout", "treatment", 4): 1}


def test_launchdarkly(counted):
    pytest.importorskip("ldclient")
    import ldclient
    from ldclient.config import Config
    from ldclient.integrations.test_data import TestData

    import fewer.launchdarkly

    data = TestData.data_source()
    data.update(data.flag("bool").variation_for_all(True))
    data.update(data.flag("text").variations("a", "b").variation_for_all(1))
    config = Config("key", update_processor_class=data, send_events=False, hooks=[fewer.launchdarkly.Hook()])
    client = ldclient.LDClient(config=config, start_wait=5)
    user = ldclient.Context.create("someone")
    with fewer.request("GET /ld"):
        assert client.variation("bool", user, False) is True
        assert client.variation("text", user, "") == "b"
        assert client.variation("missing", user, "dflt") == "dflt"
    client.close()
    flags = dict(bool="true", text="1", missing="dflt")
    assert counted.requests() == {endpoint("GET /ld", **flags): (1, 0, 0)}
    assert {code for _, _, code in counted.evaluations()} == {1, 9}
    assert fewer.launchdarkly._reason({"kind": "FALLTHROUGH", "inExperiment": True}) == "split"


def test_unleash(counted, tmp_path):
    pytest.importorskip("UnleashClient")
    from UnleashClient import UnleashClient
    from UnleashClient.cache import FileCache

    import fewer.unleash

    cache = FileCache("fewer-test", directory=str(tmp_path))
    cache.bootstrap_from_dict({
        "version": 1,
        "features": [
            {"name": "on", "enabled": True, "strategies": [{"name": "default"}],
             "variants": [{"name": "blue", "weight": 1000, "payload": {"type": "string", "value": "x"}}]},
            {"name": "off", "enabled": False, "strategies": [{"name": "default"}]},
        ],
    })
    client = UnleashClient("http://127.0.0.1:9", "test", cache=cache, disable_metrics=True, disable_registration=True)
    client.initialize_client(fetch_toggles=False)
    assert fewer.unleash.install(fewer.unleash.install(client)) is client
    with fewer.request("GET /unleash"):
        assert client.is_enabled("off") is False
        assert client.get_variant("on")["name"] == "blue"
    client.destroy()
    assert counted.requests() == {endpoint("GET /unleash", off="false", on="blue"): (1, 0, 0)}
    assert counted.evaluations() == {("flag:off", "false", 7): 1, ("flag:on", "blue", 7): 1}


@pytest.mark.parametrize("way", ["install", "callback"])
def test_growthbook(counted, way):
    growthbook = pytest.importorskip("growthbook")
    import fewer.growthbook

    features = {
        "plain": {"defaultValue": False},
        "forced": {"defaultValue": False, "rules": [{"force": True}]},
        "split": {"defaultValue": "a", "rules": [{"variations": ["a", "b"], "hashAttribute": "id"}]},
    }
    if way == "install":
        client = fewer.growthbook.install(growthbook.GrowthBook(attributes={"id": "1"}, features=features))
        assert fewer.growthbook.install(client) is client
    else:
        callback = fewer.growthbook.on_feature_usage
        client = growthbook.GrowthBook(attributes={"id": "1"}, features=features, on_feature_usage=callback)
    with fewer.request("GET /gb"):
        assert client.is_on("plain") is False
        assert client.is_on("forced") is True
        chosen = client.get_feature_value("split", None)
    index = str("ab".index(chosen))
    assert counted.requests() == {endpoint("GET /gb", plain="false", forced="true", split=index): (1, 0, 0)}
    assert counted.evaluations() == {
        ("flag:plain", "false", 2): 1, ("flag:forced", "true", 3): 1, ("flag:split", index, 4): 1,
    }
