/** SQLSTATEs of a schema that is older than the program: undefined_table, undefined_column. */
const olderSchema: ReadonlySet<unknown> = new Set(['42P01', '42703'])

/** What prevented a start, a line for each mistake. */
export const wordsOfStartFailure = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  if ('syscall' in error && /^(listen|getaddrinfo)$/.test(String(error.syscall)))
    return `cannot listen (HOST, PORT): ${error.message}`
  if ('code' in error && olderSchema.has(error.code))
    return `Postgres (DATABASE_URL) has not all this version needs, run "migrate" first: ${error.message}`
  return error.message
}
