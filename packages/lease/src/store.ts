/** How far the refresh of one stored refresh token has come, in database time. */
export type Progress = {
  /** Grows with every stored refresh token, and with every sign-in, revoke and edit. */
  generation: number
  /** How often the current refresh token was sent without a known answer. */
  attempt: number
  isDead: boolean
  /** Who holds, or last held, the lease. */
  owner: string | null
  /** Milliseconds the lease still runs; 0 when it is free. */
  leaseMs: number
  /** Milliseconds until the server may be asked again; 0 when it may. */
  backoffMs: number
}

/** What the holder of a lease proves it with. */
export type Held = { owner: string; generation: number; attempt: number; epoch: number }

export type DeadReason = 'rejected' | 'answer_lost'

/** What came of presenting a refresh token. */
export type Outcome<Material, Token> =
  /**
   * `material` is the next refresh token where the server rotated it, and undefined where the old one stays. It is
   * stored also when the token that came with it is not what was asked for: then `refusal` is what the caller is told.
   */
  | { kind: 'answered'; material: Material | undefined; token: Token; refusal?: undefined }
  | { kind: 'answered'; material: Material | undefined; token?: undefined; refusal: Error }
  /** The server surely did not process it: not connected, or told to come back later. */
  | { kind: 'not_processed'; retryAfterSeconds: number; cause: unknown }
  /** Nobody knows whether the server processed it. */
  | { kind: 'unknown'; cause: unknown }
  /** The server says that this refresh token does not hold. */
  | { kind: 'rejected'; cause: unknown }
  /** The server refused us, not the token: `cause` is what the caller is told, and it is left alone for a while. */
  | { kind: 'refused'; cause: Error; retryAfterSeconds: number }

export type Exchange<Material, Want, Token> = (
  material: Material,
  want: Want,
  signal: AbortSignal
) => Promise<Outcome<Material, Token>>

type Answered<Material, Token> = Extract<Outcome<Material, Token>, { kind: 'answered' }>

/** The rows behind a refresher. Every method is one transaction, and none is held open while the server is asked. */
export type RefreshStore<Material, Want, Token> = {
  /** A stored token for `want` that can still be used. */
  findToken: (id: string, want: Want) => Promise<Token | undefined>
  read: (id: string) => Promise<Progress | undefined>
  /**
   * Takes the lease and commits the coming presentation, if the row is alive, free and still at this generation and
   * attempt. `epoch` counts the emptyings of its tokens.
   */
  take: (
    id: string,
    claim: { owner: string; generation: number; attempt: number; leaseMs: number }
  ) => Promise<{ material: Material; epoch: number } | undefined>
  /**
   * Stores the next refresh token, the next generation and the token in one commit, if the lease still holds; `lost` if
   * it does not. `emptied`: the refresh token is stored, and the token is not, because tokens were emptied meanwhile.
   */
  finish: (
    id: string,
    want: Want,
    held: Held,
    answer: Answered<Material, Token>
  ) => Promise<'kept' | 'emptied' | 'lost'>
  /** What to do with an answer that could not be stored, because the row moved on. */
  discard: (id: string, answer: Answered<Material, Token>) => Promise<void>
  /** Frees the lease and takes the presentation back. */
  giveBack: (id: string, held: Held, backoffMs: number) => Promise<void>
  /** Marks the row dead, if it is still at this generation. */
  kill: (id: string, generation: number, reason: DeadReason) => Promise<void>
}
