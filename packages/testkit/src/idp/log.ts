/** One request to the token endpoint, without anything secret. */
export type IdpLogEntry = {
  at: string
  grant_type: string
  client_id: string | undefined
  sub: string | undefined
  resource: string | undefined
  status: number
  error: string | undefined
}

/** What the token endpoint was asked, so that a test can say "exactly one refresh". */
export type IdpLog = {
  by_grant_type: Record<string, number>
  /** Requests with grant_type=refresh_token, answered or refused, by the user the token belonged to. */
  refreshes_by_user: Record<string, number>
  /** The same with a token nobody knows (any longer). */
  refreshes_of_nobody: number
  last: IdpLogEntry[]
}

const entriesMax = 500

export const createLog = () => {
  const log: IdpLog = { by_grant_type: {}, refreshes_by_user: {}, refreshes_of_nobody: 0, last: [] }
  const add = (entry: IdpLogEntry): void => {
    log.by_grant_type[entry.grant_type] = (log.by_grant_type[entry.grant_type] ?? 0) + 1
    log.last.push(entry)
    if (log.last.length > entriesMax) log.last.shift()
    if (entry.grant_type !== 'refresh_token') return
    if (entry.sub === undefined) log.refreshes_of_nobody += 1
    else log.refreshes_by_user[entry.sub] = (log.refreshes_by_user[entry.sub] ?? 0) + 1
  }
  return { add, snapshot: (): IdpLog => structuredClone(log) }
}
