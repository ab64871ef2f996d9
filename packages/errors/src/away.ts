// What the drivers of Postgres and Redis throw when their server cannot be reached. Outbound HTTP never ends here: it
// goes through egress, which reports its own errors.
const codes = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'CONNECTION_ENDED'],
  // PostgreSQL: connection exceptions, too many connections, a statement that took too long, shutting down or starting up.
  ...['08000', '08001', '08003', '08006', '53300', '57014', '57P01', '57P02', '57P03']
])
const names = new Set(['MaxRetriesPerRequestError'])
const texts =
  /^(Stream isn't writeable|Connection is closed|Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error)/

/** Whether an error says that one of our own servers is away, so that trying again later makes sense. */
export const saysAway = (thrown: unknown): thrown is Error =>
  thrown instanceof Error &&
  (('code' in thrown && typeof thrown.code === 'string' && codes.has(thrown.code)) ||
    names.has(thrown.name) ||
    texts.test(thrown.message))
