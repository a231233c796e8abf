import * as NodeServices from "@effect/platform-node/NodeServices"
import { describe } from "@effect/vitest"
import { Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import { reading } from "./suite.ts"

const isSkipped = process.env["KUBERNETES_URL"] === undefined
if (isSkipped) {
  process.stderr.write(
    "KUBERNETES_URL is not set, with KUBERNETES_TOKEN: tests against a real API server are skipped (kubectl proxy gives one)\n"
  )
}

describe.skipIf(isSkipped)("a real API server", () => {
  reading(Layer.provide(Kubernetes.layerFromEnv, [FetchHttpClient.layer, NodeServices.layer]))
})
