/** How far the refresh of one stored refresh token has come, in the database's time. */
export type Progress = {
  /** Grows with every stored refresh token, and with everything that puts another one or none in its place. */
  generation: number
  /** How often the current refresh token was presented without a known answer; a server in trouble counts once. */
  attempt: number
  isDead: boolean
  /** Who holds, or last held, the lease; null where nobody can be waiting for an answer. */
  owner: string | null
  /** Milliseconds the lease still runs; 0 when it is free. */
  leaseMs: number
  /** Milliseconds until the server may be asked again; 0 when it may. */
  backoffMs: number
}

/** A row as it is at one moment, or as somebody recalls it (`afterStoring`); `token` is a kept one for what is wanted that can still be used. */
export type Look<Token> = Progress & { token: Token | undefined; isRecalled?: true }

/** Which presentation a lease is for: the `attempt`th one of the refresh token of this generation. */
export type Claim = { id: string; owner: string; generation: number; attempt: number }

/** A lease that was taken, with what is presented under it. `epoch` counts the emptyings of the tokens until then. */
export type Lease<Material> = Claim & { epoch: number; material: Material }

export type DeadReason = 'rejected' | 'answer_lost'

/** `material` is the next refresh token where the server rotated it, and undefined where the old one stays. */
export type Answer<Material, Token> = { material: Material | undefined; token: Token }

/** What came of presenting a refresh token. */
export type Outcome<Material, Token> =
  /** A token may also be the word that there is none for this want: it is kept, and the server not asked again. */
  | ({ kind: 'answered' } & Answer<Material, Token>)
  /** The server surely did not process it: not connected, or told to come back later. */
  | { kind: 'not_processed'; retryAfterMs: number; cause: unknown }
  /** Nobody knows whether the server processed it; `retryAfterMs` where it did answer, with some trouble of its own. */
  | { kind: 'unknown'; retryAfterMs?: number; cause: unknown }
  /** The server says that this refresh token does not hold. */
  | { kind: 'rejected'; cause: unknown }
  /** The server refused us, not the token: `cause` is what the caller is told, and it is left alone for a while. */
  | { kind: 'refused'; retryAfterMs: number; cause: Error }

/**
 * Presents a refresh token. Once `deadlineAt` has passed it sends nothing any more, not even after the process was
 * stopped for a while, and it ends soon after, whatever the server does.
 */
export type Exchange<Material, Want, Token> = (
  material: Material,
  want: Want,
  deadlineAt: number
) => Promise<Outcome<Material, Token>>

/** The rows behind a refresher. Every method is one transaction, and none is held open while the server is asked. */
export type RefreshStore<Material, Want, Token> = {
  /** Both from one moment: where there is no token, none was stored before this generation was seen. */
  look: (id: string, want: Want) => Promise<Look<Token> | undefined>
  /**
   * Takes the lease and commits the coming presentation, if the row is alive, free, not backing off, and still at this
   * generation with exactly `attempt - 1` presentations. Who recalls the row, and has not looked at it, says for which want:
   * then it is not taken either where a token for that can still be used, in the database's time.
   */
  take: (claim: Claim, leaseMs: number, want?: Want) => Promise<Lease<Material> | undefined>
  /**
   * Stores the next refresh token, the next generation and the token in one commit, if the row is still at the lease's
   * generation; `lost` if it is not. `emptied`: the refresh token is stored, and the token is not, because tokens were
   * emptied since the lease was taken.
   */
  finish: (lease: Lease<Material>, want: Want, answer: Answer<Material, Token>) => Promise<'kept' | 'emptied' | 'lost'>
  /** What to do with an answer that could not be stored, because the row moved on. */
  discard: (lease: Lease<Material>, answer: Answer<Material, Token>) => Promise<void>
  /** Frees the lease, if the row still has this claim; the presentation stays counted if nobody knows what came of it. */
  release: (claim: Claim, after: { isCounted: boolean; backoffMs: number }) => Promise<void>
  /** Marks the row dead, if it is still at this generation and this is its last presentation; says whether it was. */
  kill: (claim: Pick<Claim, 'id' | 'generation' | 'attempt'>, reason: DeadReason) => Promise<boolean>
}
