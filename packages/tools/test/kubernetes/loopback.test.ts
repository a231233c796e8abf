import { describe } from "@effect/vitest"
import { layer, planOf, pod } from "../testing/support/ops.ts"
import { reading } from "./suite.ts"

const namespace = "kube-system"
const labels = { app: "coredns" }

describe("the loopback API, by the tests of a real API server", () => {
  reading(layer(planOf([pod("coredns-7d5c-x2x4q", "Healthy", { namespace, labels })], {
    namespaces: [namespace, "default"],
    deployments: [{ namespace, name: "coredns", replicas: 1, ready: 1, image: "registry.example/coredns:1", labels }],
    logs: [{
      namespace,
      pod: "coredns-7d5c-x2x4q",
      container: "coredns",
      previous: false,
      lines: ["a", "b", "c"].map((text, i) => ({ age: 3 - i, text }))
    }],
    events: [30, 10, 20].map((age) => ({
      namespace,
      object: { kind: age === 20 ? "Node" : "Pod", name: "coredns-7d5c-x2x4q" },
      type: "Normal",
      reason: "Started",
      message: "Started container",
      count: 1,
      age
    }))
  })))
})
