import { assert, describe, it } from "@effect/vitest"
import { Agent, Dispatcher, Redactor, ToolPolicy } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { ConfigProvider, Context, Duration, Effect, Exit, Fiber, Layer, Option, Redacted, type Scope } from "effect"
import { FetchHttpClient, HttpClient, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import type { ServerResponse } from "node:http"
import { Tickets } from "../../src/tickets/index.ts"
import { type Fault, served } from "./server.ts"

type Store = typeof Tickets.TicketStore.Service

const account = (name: string, team: string): Tickets.Account => ({
  token: Redacted.make(`token-of-${name}`),
  name,
  team
})
const ann = account("ann", "red")
const bob = account("bob", "blue")
const cat = account("cat", "red")
const accounts = [ann, bob, cat]

const as = ({ token }: { readonly token: Redacted.Redacted }) => Effect.provideService(Tickets.Caller, { token })
const stranger = { token: Redacted.make("token-of-nobody") }

const memory = Effect.map(Layer.build(Tickets.layerMemory({ accounts })), Context.get(Tickets.TicketStore))

/** The store behind the REST API, with its server. */
const remote = Effect.fnUntraced(function*(fault?: Fault) {
  const inner = yield* memory
  const server = yield* served(inner, fault)
  const store = yield* Layer.build(Layer.provide(Tickets.layerHttp({ url: `${server.url}/` }), FetchHttpClient.layer))
    .pipe(
      Effect.map(Context.get(Tickets.TicketStore))
    )
  return { inner, server, store }
})

const draft = { title: "Login fails", body: "Since Monday." }

const suite = (name: string, made: Effect.Effect<Store, unknown, Scope.Scope>) =>
  describe(`TicketStore, ${name}`, () => {
    const test = (name: string, test: (store: Store) => Effect.Effect<void, unknown>) =>
      it.effect(name, () => Effect.scoped(Effect.flatMap(made, test)))

    test("create, get - the ticket that was made", (store) =>
      Effect.gen(function*() {
        const ticket = yield* store.create(draft, "k1")
        assert.deepStrictEqual(ticket, {
          id: "T-1",
          ...draft,
          status: "open",
          author: "ann",
          created: "1970-01-01T00:00:00.000Z",
          updated: "1970-01-01T00:00:00.000Z",
          comments: []
        })
        assert.deepStrictEqual(yield* store.get("T-1"), ticket)
        assert.strictEqual((yield* store.create(draft, "k2")).id, "T-2")
      }).pipe(as(ann)))

    test("create - one ticket for all requests with one key, also at the same time", (store) =>
      Effect.gen(function*() {
        const all = yield* Effect.forEach(Array.from({ length: 10 }), () => store.create(draft, "k1"), {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(new Set(all.map(({ id }) => id)), new Set(["T-1"]))
        assert.strictEqual((yield* store.search({ text: undefined, status: undefined, limit: 9 })).total, 1)
        assert.deepStrictEqual(Option.map(yield* store.created("k1"), ({ id }) => id), Option.some("T-1"))
        assert.isTrue(Option.isNone(yield* store.created("k2")))
      }).pipe(as(ann)))

    test("create - without a title is refused and makes nothing", (store) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(store.create({ title: " ", body: "" }, "k1"))
        assert.deepStrictEqual([error._tag, error.message], [
          "TicketInvalid",
          "The ticket service refuses this: the title is empty"
        ])
        assert.isTrue(Option.isNone(yield* store.created("k1")))
      }).pipe(as(ann)))

    test("search - by text and status, the newest first, bounded and counted", (store) =>
      Effect.gen(function*() {
        yield* store.create(draft, "1")
        yield* store.create({ title: "Slow", body: "LOGIN is slow & more?" }, "2")
        yield* store.create({ title: "Other", body: "" }, "3")
        yield* store.transition("T-1", "closed")
        const ids = (query: Partial<Parameters<Store["search"]>[0]>) =>
          Effect.map(
            store.search({ text: undefined, status: undefined, limit: 20, ...query }),
            ({ tickets, total }) => [tickets.map(({ id }) => id), total]
          )
        assert.deepStrictEqual(yield* ids({}), [["T-3", "T-2", "T-1"], 3])
        assert.deepStrictEqual(yield* ids({ limit: 2 }), [["T-3", "T-2"], 3])
        assert.deepStrictEqual(yield* ids({ text: "login" }), [["T-2", "T-1"], 2])
        assert.deepStrictEqual(yield* ids({ text: "slow & more?" }), [["T-2"], 1])
        assert.deepStrictEqual(yield* ids({ text: "login", status: "closed" }), [["T-1"], 1])
      }).pipe(as(ann)))

    test("comment - in order, one for all requests with one key", (store) =>
      Effect.gen(function*() {
        yield* store.create(draft, "k")
        yield* store.create(draft, "other")
        const first = yield* store.comment("T-1", "a", "k")
        assert.deepStrictEqual(yield* store.comment("T-1", "a", "k"), first)
        yield* store.comment("T-1", "b", "k2")
        yield* store.comment("T-2", "c", "k")
        assert.deepStrictEqual((yield* store.get("T-1")).comments.map(({ body }) => body), ["a", "b"])
        assert.deepStrictEqual((yield* store.get("T-2")).comments.map(({ body }) => body), ["c"])
        assert.strictEqual((yield* Effect.flip(store.comment("T-9", "a", "k3")))._tag, "TicketNotFound")
        assert.strictEqual((yield* Effect.flip(store.comment("T-1", " ", "k4")))._tag, "TicketInvalid")
      }).pipe(as(ann)))

    test("transition - where it is allowed, and once", (store) =>
      Effect.gen(function*() {
        yield* store.create(draft, "k")
        assert.strictEqual((yield* store.transition("T-1", "resolved")).status, "resolved")
        const again = yield* store.transition("T-1", "resolved")
        assert.strictEqual(again.status, "resolved")
        const error = yield* Effect.flip(store.transition("T-1", "in_progress"))
        assert.strictEqual(error._tag, "TransitionRefused")
        assert.strictEqual(error.message, "A ticket that is resolved cannot become in_progress, only open or closed")
        assert.strictEqual((yield* Effect.flip(store.transition("T-9", "closed")))._tag, "TicketNotFound")
      }).pipe(as(ann)))

    test("callers - see and change the tickets of their team alone; a key belongs to one caller", (store) =>
      Effect.gen(function*() {
        const hers = yield* as(ann)(store.create(draft, "k"))
        const his = yield* as(bob)(store.create({ ...draft, title: "Blue" }, "k"))
        const colleague = yield* as(cat)(store.create({ ...draft, title: "Red" }, "k"))
        assert.strictEqual(new Set([hers.id, his.id, colleague.id]).size, 3)
        assert.strictEqual((yield* as(cat)(store.get(hers.id))).author, "ann")
        for (
          const attempt of [
            store.get(hers.id),
            store.comment(hers.id, "x", "k"),
            store.transition(hers.id, "closed")
          ] as ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }, Tickets.Caller>>
        ) {
          assert.strictEqual((yield* Effect.flip(as(bob)(attempt)))._tag, "TicketNotFound")
          assert.strictEqual((yield* Effect.flip(as(stranger)(attempt)))._tag, "NotSignedIn")
        }
        const { tickets } = yield* as(bob)(store.search({ text: undefined, status: undefined, limit: 9 }))
        assert.deepStrictEqual(tickets.map(({ title }) => title), ["Blue"])
        assert.deepStrictEqual(yield* as(ann)(store.get(hers.id)), hers)
      }))
  })

suite("in memory", memory)
suite("over REST", Effect.map(remote(), ({ store }) => store))

const call = {
  create: (args = draft, options?: { readonly runId?: string; readonly tenant?: string }) =>
    Dispatcher.call(Tickets.CreateTicket, args, options),
  get: (id: string) => Dispatcher.call(Tickets.GetTicket, { id }),
  search: (text?: string) => Dispatcher.call(Tickets.SearchTickets, text === undefined ? {} : { text }),
  comment: (id: string, body = "a comment", options?: { readonly runId?: string }) =>
    Dispatcher.call(Tickets.CommentOnTicket, { id, body }, options),
  transition: (id: string, status: Tickets.Status) => Dispatcher.call(Tickets.TransitionTicket, { id, status })
}

type Needs = Layer.Success<typeof Tickets.layer> | Tickets.TicketStore | Tickets.Caller
type Called = Effect.Effect<Dispatcher.CallReport, never, Needs>

/** Runs a test with the tools over the REST API. */
const within = <A, E>(
  test: (place: Effect.Success<ReturnType<typeof remote>>) => Effect.Effect<A, E, Needs>,
  fault?: Fault
) =>
  Effect.scoped(
    Effect.flatMap(remote(fault), (place) =>
      test(place).pipe(Effect.provideService(Tickets.TicketStore, place.store), Effect.provide(Tickets.layer), as(ann)))
  )

const count = ({ inner }: { readonly inner: Store }) =>
  Effect.map(as(ann)(inner.search({ text: undefined, status: undefined, limit: 50 })), ({ total }) => total)

describe("the tools", () => {
  it.effect("each does what its name says, and its result has its declared form", () =>
    within(() =>
      Effect.gen(function*() {
        const created = yield* call.create()
        assert.deepStrictEqual([created.ok, (created.result as Tickets.Ticket).id], [true, "T-1"])
        assert.isTrue((yield* call.comment("T-1")).ok)
        assert.strictEqual(((yield* call.transition("T-1", "closed")).result as Tickets.Ticket).status, "closed")
        const got = (yield* call.get("T-1")).result as Tickets.Ticket
        assert.deepStrictEqual([got.status, got.comments.map(({ body }) => body)], ["closed", ["a comment"]])
        const { tickets, total } = (yield* call.search("login")).result as {
          tickets: ReadonlyArray<object>
          total: number
        }
        assert.deepStrictEqual([total, Object.keys(tickets[0]!).toSorted()], [
          1,
          ["author", "id", "status", "title", "updated"]
        ])
      })
    ))

  it.effect("domain errors are told to the model with what to do, once", () =>
    within(() =>
      Effect.gen(function*() {
        yield* call.create()
        yield* call.transition("T-1", "closed")
        const { attempts, failure, ok, result } = yield* call.transition("T-1", "in_progress")
        assert.deepStrictEqual([ok, attempts, failure?.reason, failure?.kind], [
          false,
          1,
          "TransitionRefused",
          "permanent"
        ])
        assert.include(String(result), "only open")
        assert.strictEqual((yield* call.get("T-9")).failure?.reason, "TicketNotFound")
        const { failure: refused } = yield* as(stranger)(call.get("T-1"))
        assert.deepStrictEqual([refused?.reason, refused?.kind], ["NotSignedIn", "permanent"])
      })
    ))

  it.effect("arguments - ids that would leave their place, empty and long texts are refused without a request", () =>
    within(({ server }) =>
      Effect.gen(function*() {
        const calls = [
          ...["", "../users", "T-1/comments", "T 1", "T-1?x", "%2e", "x".repeat(65)].map((id) => call.get(id)),
          call.create({ title: " ", body: "x" }),
          call.create({ title: "a\nb", body: "x" }),
          call.create({ title: "x".repeat(201), body: "x" }),
          call.create({ title: "x", body: "" }),
          call.comment("T-1", " "),
          call.comment("T-1", "x".repeat(10_001)),
          call.search(""),
          Dispatcher.call(Tickets.SearchTickets, { limit: 51 })
        ]
        for (const each of calls) assert.strictEqual((yield* each).failure?.reason, "InvalidArguments")
        assert.lengthOf(server.asked, 0)
      })
    ))

  it.effect("get_ticket - the last 20 comments and long texts cut", () =>
    within(({ inner }) =>
      Effect.gen(function*() {
        yield* inner.create({ title: "x", body: `${"x".repeat(9999)}😀` }, "k")
        yield* Effect.forEach(Array.from({ length: 25 }, (_, i) => i), (i) => inner.comment("T-1", `c${i}`, `k${i}`))
        const got = (yield* call.get("T-1")).result as Tickets.Ticket & { readonly earlier_comments?: number }
        assert.deepStrictEqual([got.comments.length, got.comments[0]?.body, got.earlier_comments], [20, "c5", 5])
        assert.isTrue(got.body.isWellFormed())
        assert.strictEqual(got.body.length, 10_001)
      })
    ))

  it("classes - what may be done with a call of each", () => {
    const classes = Object.values(Tickets.toolkit.tools).map((tool) => [tool.name, ToolPolicy.effectClass(tool)])
    assert.deepStrictEqual(Object.fromEntries(classes) as object, {
      create_ticket: "effectful",
      get_ticket: "readonly",
      search_tickets: "readonly",
      comment_on_ticket: "idempotent",
      transition_ticket: "idempotent"
    })
  })
})

/** Calls with all waits skipped, as soon as the server is done. */
const through = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    const skip = Effect.andThen(
      TestClock.adjust("1 second"),
      Effect.promise(() => new Promise((done) => setImmediate(done)))
    )
    yield* Effect.repeat(skip, { until: () => fiber.pollUnsafe() !== undefined })
    return yield* Fiber.join(fiber)
  })

const cutOff = (response: ServerResponse) => void response.socket?.destroy()
const status = (code: number, headers: Record<string, string> = {}, body = "{}") => (response: ServerResponse) =>
  void response.writeHead(code, headers).end(body)

/** At the first request that writes. */
const firstWrite = (when: "before" | "after", act: (response: ServerResponse) => void): Fault => {
  let done = false
  return ({ method }) => {
    if (done || method === "GET") return undefined
    done = true
    return { when, act }
  }
}

describe("idempotency", () => {
  it.effect("create_ticket - whose answer was lost is found by its key: one ticket, one request", () =>
    within((place) =>
      Effect.gen(function*() {
        const report = yield* through(call.create())
        assert.deepStrictEqual([report.ok, (report.result as Tickets.Ticket).id], [true, "T-1"])
        assert.strictEqual(yield* count(place), 1)
        const [post, lookup, ...rest] = place.server.asked
        assert.deepStrictEqual([post?.method, lookup?.path, rest.length], ["POST", `/tickets?key=${post?.key}`, 0])
        assert.match(post?.key ?? "", /^[0-9a-f]{64}$/)
        assert.isTrue(report.events.some((event) => event._tag === "CallReconciled" && event.executed))
      }), firstWrite("after", cutOff)))

  it.effect("create_ticket - that was not executed is repeated with the same key: one ticket", () =>
    within((place) =>
      Effect.gen(function*() {
        const report = yield* through(call.create())
        assert.isTrue(report.ok, JSON.stringify(report.result))
        assert.strictEqual(yield* count(place), 1)
        const keys = place.server.asked.filter(({ method }) => method === "POST").map(({ key }) => key)
        assert.deepStrictEqual([keys.length, new Set(keys).size], [2, 1])
      }), firstWrite("before", cutOff)))

  it.effect("create_ticket - is repeated after 429, which states that nothing was done, when it was asked to", () =>
    within((place) =>
      Effect.gen(function*() {
        const [waited, report] = yield* Effect.timed(through(call.create()))
        assert.deepStrictEqual([report.ok, report.attempts], [true, 2])
        assert.isAtLeast(Duration.toMillis(waited), 3000)
        assert.deepStrictEqual(place.server.asked.map(({ method }) => method), ["POST", "POST"])
      }), firstWrite("before", status(429, { "retry-after": "3" }))))

  it.effect("comment_on_ticket - whose answer was lost is repeated: one comment", () =>
    within((place) =>
      Effect.gen(function*() {
        yield* place.inner.create(draft, "k")
        const report = yield* through(call.comment("T-1"))
        assert.deepStrictEqual([report.ok, report.attempts], [true, 2])
        assert.lengthOf((yield* place.inner.get("T-1")).comments, 1)
      }), firstWrite("after", cutOff)))

  it.effect("transition_ticket - whose answer was lost is repeated: it stands where it was to stand", () =>
    within((place) =>
      Effect.gen(function*() {
        yield* place.inner.create(draft, "k")
        const report = yield* through(call.transition("T-1", "resolved"))
        assert.deepStrictEqual([report.ok, report.attempts], [true, 2])
        assert.strictEqual((yield* place.inner.get("T-1")).status, "resolved")
      }), firstWrite("after", cutOff)))

  it.effect("the key is of the call: the same arguments in another run make another ticket", () =>
    within((place) =>
      Effect.gen(function*() {
        yield* call.create(draft, { runId: "one" })
        yield* call.create(draft, { runId: "one" })
        yield* call.create(draft, { runId: "two" })
        assert.strictEqual(yield* count(place), 2)
      })
    ))
})

/** A service that answers every request with this. */
const answering = <A, E>(
  answer: () => Response,
  test: Effect.Effect<A, E, Layer.Success<typeof Tickets.layer> | Tickets.TicketStore | Tickets.Caller>
) => {
  let asked = 0
  const client = HttpClient.make((request) =>
    Effect.sync(() => (asked++, HttpClientResponse.fromWeb(request, answer())))
  )
  return Effect.gen(function*() {
    const result = yield* through(test)
    return [result, asked] as const
  }).pipe(
    Effect.provide(
      Layer.mergeAll(Tickets.layer, Tickets.layerHttp({ url: "http://tickets.test" })).pipe(
        Layer.provide(Layer.succeed(HttpClient.HttpClient)(client))
      )
    ),
    as(ann)
  )
}

describe("failures of the service", () => {
  const json = (status: number, body: unknown, headers: Record<string, string> = {}) => () =>
    Response.json(body, { status, headers })
  const cases: ReadonlyArray<
    readonly [name: string, answer: () => Response, reason: string, kind: string, attempts: number]
  > = [
    ["401", json(401, {}), "NotSignedIn", "permanent", 1],
    ["403", json(403, {}), "NotPermitted", "permanent", 1],
    ["404", json(404, {}), "TicketNotFound", "permanent", 1],
    ["408", json(408, {}), "TicketsUnavailable", "transient", 3],
    ["429", json(429, {}), "TicketsLimited", "transient", 3],
    ["500", json(500, {}), "TicketsUnavailable", "transient", 3],
    ["503", json(503, {}), "TicketsUnavailable", "transient", 3],
    ["302", json(302, {}), "AnswerUnreadable", "permanent", 1],
    ["418", json(418, {}), "AnswerUnreadable", "permanent", 1],
    ["another form", json(200, { id: 1 }), "AnswerUnreadable", "permanent", 1],
    ["a foreign status", json(200, { ...draft, id: "T-1", status: "new" }), "AnswerUnreadable", "permanent", 1],
    ["no JSON", () => new Response("<html>"), "AnswerUnreadable", "permanent", 1],
    ["more than 1 MiB", () => new Response("x".repeat(1024 * 1024 + 1)), "AnswerUnreadable", "permanent", 1]
  ]
  for (const [name, answer, reason, kind, attempts] of cases) {
    it.effect(`${name} - is ${reason}, ${kind}`, () =>
      Effect.gen(function*() {
        const [{ failure, ok, ...report }, asked] = yield* answering(answer, call.get("T-1"))
        assert.deepStrictEqual([ok, failure?.reason, failure?.kind, report.attempts, asked], [
          false,
          reason,
          kind,
          attempts,
          attempts
        ])
      }))
  }

  it.effect("400 and 422 - are the service's own words, cut, without the token", () =>
    Effect.gen(function*() {
      for (const code of [400, 422]) {
        const detail = `bad: token-of-ann ${"x".repeat(1000)}`
        const [{ failure, result }] = yield* answering(json(code, { detail }), call.create())
        assert.strictEqual(failure?.reason, "TicketInvalid")
        assert.include(failure!.message, "bad: [redacted]")
        assert.notInclude(`${JSON.stringify(failure)}${String(result)}`, "token-of-ann")
        assert.isBelow(failure!.message.length, 400)
      }
    }))

  it.effect("500 after a write - the model is told that the outcome is open, where the service cannot tell", () =>
    Effect.gen(function*() {
      const [{ attempts, failure, ok }] = yield* answering(json(500, {}), call.create())
      assert.deepStrictEqual([ok, attempts, failure?.executed], [false, 1, true])
    }))

  it.effect("no connection - states that nothing was done, so the ticket is tried again", () =>
    within(({ server }) =>
      Effect.gen(function*() {
        server.close()
        const { attempts, failure } = yield* through(call.create())
        assert.deepStrictEqual([failure?.reason, failure?.executed, attempts], ["TicketsUnavailable", false, 3])
      })
    ))
})

describe("T14, T16 - callers", () => {
  it.effect("2 users x 5 tools at the same time: 0 requests with the other's token, 0 foreign tickets", () =>
    within(({ inner, server }) =>
      Effect.gen(function*() {
        const users = [ann, bob]
        // the tickets of each: T-1 is hers, T-2 is his
        for (const user of users) yield* as(user)(inner.create({ title: `of ${user.name}`, body: "x" }, "k"))
        let calls = 0
        let foreign = 0
        const own = (user: Tickets.Account) => (user === ann ? "T-1" : "T-2")
        const other = (user: Tickets.Account) => (user === ann ? "T-2" : "T-1")
        const otherName = (user: Tickets.Account) => (user === ann ? "bob" : "ann")
        const check = (user: Tickets.Account, report: { readonly result: unknown; readonly failure?: unknown }) => {
          calls++
          const said = JSON.stringify(report.result)
          if (said.includes(`of ${otherName(user)}`) || said.includes(`"author":"${otherName(user)}"`)) foreign++
          assert.notInclude(said, "token-of")
        }
        const toolsOf = (user: Tickets.Account, round: number): ReadonlyArray<Called> => [
          call.create({ title: `of ${user.name}`, body: "x" }, { runId: `${round}` }),
          call.search(),
          call.get(own(user)),
          call.comment(own(user), "mine", { runId: `${round}` }),
          call.transition(own(user), round % 2 === 0 ? "resolved" : "open")
        ]
        const trespasses = (user: Tickets.Account): ReadonlyArray<Called> => [
          call.get(other(user)),
          call.comment(other(user)),
          call.transition(other(user), "closed")
        ]
        for (let round = 0; round < 20; round++) {
          yield* Effect.forEach(users, (user) =>
            as(user)(Effect.forEach(toolsOf(user, round), (each) =>
              Effect.map(each, (report) => {
                assert.isTrue(report.ok, JSON.stringify(report.result))
                check(user, report)
              }), { concurrency: "unbounded" })), { concurrency: "unbounded" })
        }
        yield* Effect.forEach(users, (user) =>
          as(user)(Effect.forEach(trespasses(user), (each) =>
            Effect.map(each, (report) => {
              assert.strictEqual(report.failure?.reason, "TicketNotFound")
              check(user, report)
            }))), { concurrency: "unbounded" })
        assert.strictEqual(foreign, 0)
        for (const user of users) {
          const { total } = yield* as(user)(inner.search({ text: undefined, status: undefined, limit: 50 }))
          assert.strictEqual(total, 21)
          const { comments } = yield* as(user)(inner.get(own(user)))
          assert.deepStrictEqual(
            new Set(comments.map(({ author }) =>
              author
            )),
            new Set([user.name])
          )
          const asked = server.asked.filter(({ token }) =>
            token === Redacted.value(user.token)
          )
          // those that trespassed, and no other
          assert.lengthOf(
            asked.filter(({ path }) =>
              path.startsWith(`/tickets/${other(user)}`)
            ),
            3
          )
        }
        const tokens = new Set(users.map(({ token }) =>
          Redacted.value(token)
        ))
        assert.lengthOf(server.asked.filter(({ token }) => !tokens.has(token)), 0)
        assert.lengthOf(server.asked, calls)
        process.stderr.write(`T14: 2 users x 5 tools, ${calls} calls, ${foreign} foreign tickets\n`)
      })
    ))

  it.effect("an agent acts for whoever its run is for, with handlers that were built before", () =>
    within(({ server }) =>
      Effect.gen(function*() {
        const support = Agent.make("support", { instructions: "", tools: [Tickets.toolkit] })
        const ask = (user: Tickets.Account) =>
          Effect.gen(function*() {
            const { layer } = yield* ScriptedModel.make([
              ModelScript.toolUse([{ name: "create_ticket", input: draft }]),
              ModelScript.text("done")
            ])
            return yield* as(user)(Agent.run(support, "report it").pipe(Effect.provide(layer)))
          })
        for (const user of [ann, bob, ann]) assert.strictEqual((yield* ask(user)).text, "done")
        assert.deepStrictEqual(server.asked.map(({ token }) => token), ["token-of-ann", "token-of-bob", "token-of-ann"])
      })
    ))
})

describe("layers", () => {
  it.effect("layerHttp - a URL that is not plain http fails the layer, and is not shown", () =>
    Effect.gen(function*() {
      for (const url of ["", "ftp://x", "http://u:canary-4711@x", "http://x?canary-4711", "http://x#a"]) {
        const exit = yield* Effect.exit(Effect.scoped(Layer.build(Tickets.layerHttp({ url }))))
        assert.isTrue(Exit.isFailure(exit), url)
        assert.include(JSON.stringify(exit), "UrlUnusable")
        assert.notInclude(`${JSON.stringify(exit)}${String(exit)}`, "canary")
      }
    }).pipe(Effect.provide(FetchHttpClient.layer)))

  it.effect("layerFromEnv - one user with the service of TICKETS_URL and TICKETS_TOKEN, which the redactor learns", () =>
    Effect.scoped(Effect.gen(function*() {
      const { server } = yield* remote()
      const env = { TICKETS_URL: server.url, TICKETS_TOKEN: "token-of-bob" }
      const layer = Layer.provide(Tickets.layerFromEnv, [
        FetchHttpClient.layer,
        ConfigProvider.layer(ConfigProvider.fromUnknown(env))
      ])
      const { result } = yield* Effect.provide(call.create(), layer)
      assert.strictEqual((result as Tickets.Ticket).author, "bob")
      assert.strictEqual((yield* Redactor.current).redact("a token-of-bob b"), "a [redacted] b")
      const missing = Layer.provide(Tickets.layerFromEnv, [
        FetchHttpClient.layer,
        ConfigProvider.layer(ConfigProvider.fromUnknown({ TICKETS_URL: server.url }))
      ])
      assert.include(JSON.stringify(yield* Effect.exit(Layer.build(missing))), "TICKETS_TOKEN")
    })))
})
