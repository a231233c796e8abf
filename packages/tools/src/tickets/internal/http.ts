/**
 * A ticket service behind a REST API: see docs/tools/tickets.md.
 *
 * @internal
 */
import * as Redactor from "@volley/core/Redactor"
import * as ToolFailure from "@volley/core/ToolFailure"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { boundedText } from "../../internal/boundedText.ts"
import { Comment, Status, Summary, Ticket } from "../Ticket.ts"
import {
  AnswerUnreadable,
  NotPermitted,
  NotSignedIn,
  type ServiceError,
  TicketInvalid,
  TicketNotFound,
  TicketsLimited,
  TicketsUnavailable,
  TransitionRefused
} from "../TicketsError.ts"
import { Caller, type TicketStore } from "../TicketStore.ts"

const maxBytes = 1024 * 1024
const maxDetail = 300

const unreached = (error: HttpClientError.HttpClientError): TicketsUnavailable => {
  const failure = ToolFailure.fromUnknown(error)
  return new TicketsUnavailable(failure._tag === "Transient" && failure.executed === false ? { executed: false } : {})
}

const limited = ({ headers }: HttpClientResponse.HttpClientResponse): TicketsLimited => {
  const seconds = /^\d{1,9}$/.exec(headers["retry-after"] ?? "")?.[0]
  return new TicketsLimited({
    executed: false,
    ...(seconds === undefined ? {} : { retryAfter: Duration.seconds(Number(seconds)) })
  })
}

/** What a status means that stands for itself. */
const refusal = (response: HttpClientResponse.HttpClientResponse): ServiceError => {
  const { status } = response
  if (status === 401) return new NotSignedIn()
  if (status === 403) return new NotPermitted()
  if (status === 429) return limited(response)
  return status === 408 || status >= 500 ? new TicketsUnavailable({ status }) : new AnswerUnreadable({ status })
}

interface Answer {
  readonly response: HttpClientResponse.HttpClientResponse
  readonly text: string
}

const Page = Schema.Struct({ tickets: Schema.Array(Summary), total: Schema.Int })
const Created = Schema.Struct({ tickets: Schema.Array(Ticket).check(Schema.isMaxLength(1)) })
const Invalid = Schema.Struct({ detail: Schema.String })
const Refused = Schema.Struct({ from: Status, allowed: Schema.Array(Status) })

const decoded = <A>(schema: Schema.ConstraintCodec<A, unknown>) => {
  const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(schema))
  return ({ response: { status }, text }: Answer): Effect.Effect<A, AnswerUnreadable> =>
    Effect.mapError(decode(text), () => new AnswerUnreadable({ status }))
}

const ticketOf = decoded(Ticket)
const commentOf = decoded(Comment)
const pageOf = decoded(Page)
const createdOf = decoded(Created)
const invalidOf = decoded(Invalid)
const refusedOf = decoded(Refused)

const invalid = (answer: Answer): Effect.Effect<never, TicketInvalid | AnswerUnreadable> =>
  Effect.flatMap(
    invalidOf(answer),
    ({ detail }) => Effect.fail(new TicketInvalid({ detail: detail.slice(0, maxDetail).toWellFormed() }))
  )

const isSuccess = ({ response: { status } }: Answer): boolean => status === 200 || status === 201
const isInvalid = ({ response: { status } }: Answer): boolean => status === 400 || status === 422

/** @internal */
export const make = (client: HttpClient.HttpClient, base: URL): typeof TicketStore.Service => {
  const root = base.href.replace(/\/+$/, "")
  const path = (...names: ReadonlyArray<string>) => [root, "tickets", ...names.map(encodeURIComponent)].join("/")

  const send = Effect.fnUntraced(function*(request: HttpClientRequest.HttpClientRequest) {
    const { token } = yield* Caller
    const authorized = request.pipe(HttpClientRequest.bearerToken(token), HttpClientRequest.acceptJson)
    const response = yield* Effect.mapError(client.execute(authorized), unreached)
    const text = yield* boundedText(response, maxBytes, () => new AnswerUnreadable({ status: response.status })).pipe(
      // the request arrived: it may have been executed
      Effect.mapError((error) => error._tag === "HttpClientError" ? new TicketsUnavailable({}) : error)
    )
    // the service may repeat what it was sent
    return { response, text: Redactor.make([token]).redact(text) }
  })

  const post = (url: string, body: unknown, key: string) =>
    send(
      HttpClientRequest.post(url).pipe(
        HttpClientRequest.bodyJsonUnsafe(body),
        HttpClientRequest.setHeader("idempotency-key", key)
      )
    )

  return {
    create: Effect.fnUntraced(function*(draft, key) {
      const answer = yield* post(path(), draft, key)
      if (isSuccess(answer)) return yield* ticketOf(answer)
      return yield* isInvalid(answer) ? invalid(answer) : Effect.fail(refusal(answer.response))
    }),
    created: Effect.fnUntraced(function*(key) {
      const answer = yield* send(HttpClientRequest.get(path(), { urlParams: { key } }))
      if (!isSuccess(answer)) return yield* Effect.fail(refusal(answer.response))
      const { tickets: [ticket] } = yield* createdOf(answer)
      return Option.fromUndefinedOr(ticket)
    }),
    get: Effect.fnUntraced(function*(id) {
      const answer = yield* send(HttpClientRequest.get(path(id)))
      if (isSuccess(answer)) return yield* ticketOf(answer)
      return yield* Effect.fail(answer.response.status === 404 ? new TicketNotFound({ id }) : refusal(answer.response))
    }),
    search: Effect.fnUntraced(function*({ limit, status, text }) {
      const urlParams = {
        limit: String(limit),
        ...(status === undefined ? {} : { status }),
        ...(text === undefined ? {} : { text })
      }
      const answer = yield* send(HttpClientRequest.get(path(), { urlParams }))
      return yield* isSuccess(answer) ? pageOf(answer) : Effect.fail(refusal(answer.response))
    }),
    comment: Effect.fnUntraced(function*(id, body, key) {
      const answer = yield* post(path(id, "comments"), { body }, key)
      if (isSuccess(answer)) return yield* commentOf(answer)
      if (answer.response.status === 404) return yield* new TicketNotFound({ id })
      return yield* isInvalid(answer) ? invalid(answer) : Effect.fail(refusal(answer.response))
    }),
    transition: Effect.fnUntraced(function*(id, to) {
      const request = HttpClientRequest.put(path(id, "status")).pipe(HttpClientRequest.bodyJsonUnsafe({ status: to }))
      const answer = yield* send(request)
      if (isSuccess(answer)) return yield* ticketOf(answer)
      if (answer.response.status === 404) return yield* new TicketNotFound({ id })
      if (answer.response.status !== 409) return yield* Effect.fail(refusal(answer.response))
      return yield* new TransitionRefused({ to, ...yield* refusedOf(answer) })
    })
  }
}
