export type VaultErrorReason = 'altered_or_misplaced' | 'data_key_missing' | 'master_key_missing' | 'malformed'

/** Why a stored secret could not be had. For the log: it names keys by id and places by table and column, no value. */
export class VaultError extends Error {
  readonly reason: VaultErrorReason

  constructor(reason: VaultErrorReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'VaultError'
    this.reason = reason
  }
}
