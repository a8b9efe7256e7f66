// Runs under pprof labels.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
)

func main() {
	labels := pprof.Labels("endpoint", "GET /feed", "user", "none")
	pprof.Do(context.Background(), labels, func(context.Context) {
		fmt.Println("ready")
		os.Stdout.Sync()
		for i := 0; ; i++ {
			total += i
		}
	})
}

var total int
