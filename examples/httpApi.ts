// An agent inside an HTTP API: its tool uses the application's own services and the user of the present request, and the
// tool's fatal error becomes a 401.
import { Agent, ToolFailure } from "@volley/core"
import { ModelScript, ScriptedModel } from "@volley/core/testing"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { HttpRouter, HttpServer } from "effect/http"
import {
  HttpApi,
  HttpApiBuilder,
  HttpApiEndpoint,
  HttpApiError,
  HttpApiGroup,
  HttpApiMiddleware,
  HttpApiSecurity
} from "effect/http-api"

// ---- the application: who asks, and what there is

class CurrentUser extends Context.Service<CurrentUser, { readonly name: string }>()("example/CurrentUser") {}

class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", {
  message: Schema.String
}, { httpApiStatus: 401 }) {}

class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: CurrentUser }>()(
  "example/Authorization",
  { security: { bearer: HttpApiSecurity.bearer } }
) {}

class Invoices extends Context.Service<Invoices, {
  readonly of: (user: string) => ReadonlyArray<{ readonly number: string; readonly euros: number }>
}>()("example/Invoices") {
  static readonly layer = Layer.succeed(Invoices, {
    of: (user: string) => user === "ada" ? [{ number: "2026-117", euros: 420 }] : []
  })
}

// ---- the agent: one tool, on behalf of the user of the request

/** States that it is fatal: it never reaches the model, the run fails with it. */
class SessionExpired extends Schema.TaggedError<SessionExpired>()("SessionExpired", { user: Schema.String }) {
  readonly [ToolFailure.kind] = "fatal" as const
}

const ListInvoices = Tool.make("list_invoices", {
  description: "Open invoices of the user who asks",
  success: Schema.Array(Schema.Struct({ number: Schema.String, euros: Schema.Finite })),
  failure: SessionExpired,
  dependencies: [CurrentUser]
}).annotate(Tool.Readonly, true)

const Billing = Toolkit.make(ListInvoices)

const BillingLive = Billing.toLayer(Effect.gen(function*() {
  const invoices = yield* Invoices
  return {
    list_invoices: Effect.fnUntraced(function*() {
      const user = yield* CurrentUser
      if (user.name === "expired") return yield* new SessionExpired({ user: user.name })
      return invoices.of(user.name)
    })
  }
}))

const Assistant = Agent.make("assistant", { instructions: "You help with invoices.", tools: [Billing] })

// ---- the API

const Api = HttpApi.make("example").add(
  HttpApiGroup.make("assistant").add(
    HttpApiEndpoint.post("ask", "/ask", {
      payload: Schema.Struct({ question: Schema.String }),
      success: Schema.Struct({ answer: Schema.String }),
      error: [Unauthorized, HttpApiError.InternalServerError]
    })
  ).middleware(Authorization)
)

const AuthorizationLive = Layer.succeed(Authorization, {
  bearer: (request, { credential }) => Effect.provideService(request, CurrentUser, { name: Redacted.value(credential) })
})

const Handlers = HttpApiBuilder.group(
  Api,
  "assistant",
  (handlers) =>
    handlers.handle("ask", ({ payload }) =>
      Agent.run(Assistant, payload.question).pipe(
        Effect.map((outcome) => ({ answer: outcome.text })),
        Effect.catchTags({
          SessionExpired: ({ user }) =>
            Effect.fail(new Unauthorized({ message: `The session of ${user} has expired` })),
          Refused: ({ message }) => Effect.succeed({ answer: message }),
          AiError: () => Effect.fail(new HttpApiError.InternalServerError()),
          JournalFailure: () => Effect.fail(new HttpApiError.InternalServerError())
        })
      ))
)

// ---- run it: two requests, served in process

const Model = Layer.unwrap(Effect.map(
  ScriptedModel.make([
    ModelScript.toolUse([{ name: "list_invoices" }]),
    ModelScript.text("You have one open invoice, 2026-117, of 420 euros."),
    ModelScript.toolUse([{ name: "list_invoices" }])
  ]),
  ({ layer }) => layer
))

const { dispose, handler } = HttpRouter.toWebHandler(
  HttpApiBuilder.layer(Api).pipe(
    Layer.provide(Handlers),
    Layer.provide(AuthorizationLive),
    // The agent runs within a request: its handlers and its model are provided to requests, the user comes with each.
    HttpRouter.provideRequest(Layer.mergeAll(BillingLive, Model)),
    Layer.provide(Invoices.layer),
    Layer.provide(HttpServer.layerServices)
  ),
  { disableLogger: true }
)

const ask = async (user: string) => {
  const request = new Request("http://localhost/ask", {
    method: "POST",
    headers: { authorization: `Bearer ${user}`, "content-type": "application/json" },
    body: JSON.stringify({ question: "What do I owe?" })
  })
  const response = await handler(request, Context.empty())
  return `${response.status} ${await response.text()}`
}

console.log(await ask("ada"))
console.log(await ask("expired"))
await dispose()

// prints:
//   200 {"answer":"You have one open invoice, 2026-117, of 420 euros."}
//   401 {"_tag":"Unauthorized","message":"The session of expired has expired"}
