/**
 * What a server of the cluster is asked and answers, apart from HTTP.
 *
 * @internal
 */

/** @internal */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly authorization: string | undefined
}

/** What an API needs besides the plan: the bearer token it wants, and seconds since the epoch. @internal */
export interface Situation {
  readonly token: string
  readonly now: number
}

/** `stays` keeps the answer open after its lines, as a watch does. @internal */
export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly stays?: true
}
