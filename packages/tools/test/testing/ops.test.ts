import { assert, describe, it } from "@effect/vitest"
import { Agent } from "@volley/core"
import { Offline } from "@volley/core/offline"
import { Effect, Schema } from "effect"
import { Families } from "../../src/index.ts"
import { Kubernetes } from "../../src/kubernetes/index.ts"
import { Prometheus } from "../../src/prometheus/index.ts"
import { Cluster } from "../../src/testing/index.ts"
import { layer, requests } from "./support/ops.ts"

const agent = Agent.make("sre", { tools: [Kubernetes.toolkit, Prometheus.toolkit] })

/** The requests of a run of the offline planner, with the text of its answer. */
const ask = (question: string, plan: Cluster.Plan) =>
  Effect.gen(function*() {
    const { text, turns } = yield* Agent.run(agent, question)
    return { text, turns, requests: yield* requests }
  }).pipe(Effect.provide([Offline.layer, layer(plan)]))

const sickIn = ({ pods }: Cluster.Plan, wanted: string) =>
  pods.filter((pod) => pod.namespace === wanted && Cluster.isSick(pod)).map(({ name }) => name)

const Seeds = { seed: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 })) }

describe("Families", () => {
  it("ops - is kubernetes and prometheus together", () => {
    const toolsOf = (name: Families.Name) => Object.keys(Families.all[name].toolkit.tools)
    assert.deepStrictEqual(toolsOf("ops"), [...toolsOf("kubernetes"), ...toolsOf("prometheus")])
  })
})

describe("the offline planner with the ops families", () => {
  it.live.prop(
    "issues and metrics - first the pods, then exactly one query for each sick pod",
    Seeds,
    ({ seed }) =>
      Effect.gen(function*() {
        const plan = { ...Cluster.plan(seed), faults: [] }
        const question = "What pods are having issues in the production namespace? Check their metrics too."
        const { requests: [pods, ...queries], text, turns } = yield* ask(question, plan)
        assert.strictEqual(turns, 3)
        assert.strictEqual(pods?.path, "/api/v1/namespaces/production/pods")
        const sick = sickIn(plan, "production")
        assert.lengthOf(queries, sick.length)
        for (const name of sick) {
          assert.lengthOf(queries.filter(({ parameters }) => parameters.query?.includes(`pod="${name}"`)), 1)
          assert.include(text, name)
        }
      }),
    { arbitrary: { runs: 10 } }
  )

  it.live.prop("unhealthy pods - only the pods are asked for", Seeds, ({ seed }) =>
    Effect.gen(function*() {
      const plan = Cluster.plan(seed)
      const asked = yield* ask("Which pods in the staging namespace are unhealthy?", plan)
      assert.deepStrictEqual(asked.requests.map(({ path }) => path), ["/api/v1/namespaces/staging/pods"])
      for (const name of sickIn(plan, "staging")) assert.include(asked.text, name)
    }), { arbitrary: { runs: 10 } })
})
