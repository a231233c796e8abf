/**
 * A ticket service in memory.
 *
 * @internal
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Comment, Status, Summary, Ticket } from "../Ticket.ts"
import { NotSignedIn, TicketInvalid, TicketNotFound, TransitionRefused } from "../TicketsError.ts"
import { Caller, type TicketStore } from "../TicketStore.ts"

/** @internal */
export interface Account {
  readonly token: Redacted.Redacted
  readonly name: string
  readonly team: string
}

const allowed: { readonly [K in Status]: ReadonlyArray<Status> } = {
  open: ["in_progress", "resolved", "closed"],
  in_progress: ["open", "resolved", "closed"],
  resolved: ["open", "closed"],
  closed: ["open"]
}

const summaryOf = ({ author, id, status, title, updated }: Ticket): Summary => ({ author, id, status, title, updated })

/** @internal */
export const make = (accounts: ReadonlyArray<Account>): typeof TicketStore.Service => {
  const tickets = new Map<string, { readonly team: string; readonly ticket: Ticket }>()
  // by caller and key
  const created = new Map<string, string>()
  const commented = new Map<string, Comment>()
  let last = 0

  const signedIn = Effect.flatMap(Caller, ({ token }) => {
    const account = accounts.find((account) => Redacted.value(account.token) === Redacted.value(token))
    return account === undefined ? Effect.fail(new NotSignedIn()) : Effect.succeed(account)
  })
  const now = Effect.map(DateTime.now, DateTime.formatIso)
  const keyOf = ({ name, team }: Account, key: string): string => JSON.stringify([team, name, key])

  const find = ({ team }: Account, id: string) => {
    const found = tickets.get(id)
    return found?.team === team ? Effect.succeed(found.ticket) : Effect.fail(new TicketNotFound({ id }))
  }
  const put = ({ team }: Account, ticket: Ticket): Ticket => {
    tickets.set(ticket.id, { team, ticket })
    return ticket
  }
  const required = (text: string, name: string) =>
    text.trim() === "" ? Effect.fail(new TicketInvalid({ detail: `${name} is empty` })) : Effect.void

  return {
    create: Effect.fnUntraced(function*({ body, title }, key) {
      const account = yield* signedIn
      yield* required(title, "the title")
      const at = yield* now
      const known = created.get(keyOf(account, key))
      if (known !== undefined) return yield* Effect.orDie(find(account, known))
      const id = `T-${++last}`
      created.set(keyOf(account, key), id)
      return put(account, {
        id,
        title,
        body,
        status: "open",
        author: account.name,
        created: at,
        updated: at,
        comments: []
      })
    }),
    created: Effect.fnUntraced(function*(key) {
      const account = yield* signedIn
      const id = created.get(keyOf(account, key))
      return id === undefined ? Option.none() : Option.some(yield* Effect.orDie(find(account, id)))
    }),
    get: (id) => Effect.flatMap(signedIn, (account) => find(account, id)),
    search: Effect.fnUntraced(function*({ limit, status, text = "" }) {
      const { team } = yield* signedIn
      const word = text.toLowerCase()
      const found = Array.from(tickets.values())
        .filter((entry) => entry.team === team && (status === undefined || entry.ticket.status === status))
        .filter(({ ticket }) => `${ticket.title}\n${ticket.body}`.toLowerCase().includes(word))
        .map(({ ticket }) => summaryOf(ticket))
        .toReversed()
      return { tickets: found.slice(0, limit), total: found.length }
    }),
    comment: Effect.fnUntraced(function*(id, body, key) {
      const account = yield* signedIn
      const at = yield* now
      const ticket = yield* find(account, id)
      yield* required(body, "the comment")
      const place = keyOf(account, JSON.stringify([id, key]))
      const known = commented.get(place)
      if (known !== undefined) return known
      const comment = { id: `${id}-${ticket.comments.length + 1}`, author: account.name, body, at }
      commented.set(place, comment)
      put(account, { ...ticket, updated: at, comments: [...ticket.comments, comment] })
      return comment
    }),
    transition: Effect.fnUntraced(function*(id, to) {
      const account = yield* signedIn
      const at = yield* now
      const ticket = yield* find(account, id)
      if (ticket.status === to) return ticket
      if (!allowed[ticket.status].includes(to)) {
        return yield* new TransitionRefused({ from: ticket.status, to, allowed: allowed[ticket.status] })
      }
      return put(account, { ...ticket, status: to, updated: at })
    })
  }
}
