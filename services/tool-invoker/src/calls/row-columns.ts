import type { Linked } from '../chain/link.ts'

type Column = { name: string; type: string; list: (rows: readonly Linked[]) => string }

/** Of values that are written in an array as they are: ids, times, digests and words of our own. */
const plain = (name: string, type: string, of: (row: Linked) => string | number | null): Column => ({
  ...{ name, type },
  list: (rows) => `{${rows.map((row) => of(row) ?? 'NULL').join(',')}}`
})

/** Of what others wrote. */
const quoted = (name: string, of: (row: Linked) => string | null): Column => ({
  ...{ name, type: 'text' },
  list: (rows) => `{${rows.map((row) => quote(of(row))).join(',')}}`
})

// PostgreSQL documentation §8.15.6: in quotes only a quote and a backslash mean something.
const quote = (text: string | null): string => {
  if (text === null) return 'NULL'
  return `"${text.includes('"') || text.includes('\\') ? text.replace(/["\\]/g, '\\$&') : text}"`
}

const columns: readonly Column[] = [
  plain('id', 'uuid', ({ id }) => id),
  plain('kind', 'text', ({ kind }) => kind),
  plain('call_id', 'uuid', ({ call_id }) => call_id),
  plain('tenant_id', 'uuid', ({ tenant_id }) => tenant_id),
  plain('user_id', 'uuid', ({ user_id }) => user_id),
  plain('app_id', 'uuid', ({ app_id }) => app_id),
  plain('credential_kind', 'text', ({ credential_kind }) => credential_kind),
  plain('credential_id', 'uuid', ({ credential_id }) => credential_id),
  plain('provider_id', 'uuid', ({ provider_id }) => provider_id),
  quoted('server_identifier', ({ server_identifier }) => server_identifier),
  quoted('tool', ({ tool }) => tool),
  quoted('tool_hash', ({ tool_hash }) => tool_hash),
  quoted('arguments_digest', ({ arguments_digest }) => arguments_digest),
  quoted('arguments', (row) => row.arguments),
  quoted('mode', ({ mode }) => mode),
  quoted('audience', ({ audience }) => audience),
  quoted('subject', ({ subject }) => subject),
  quoted('token_jti', ({ token_jti }) => token_jti),
  quoted('outcome', ({ outcome }) => outcome),
  plain('upstream_status', 'integer', ({ upstream_status }) => upstream_status),
  plain('started_at', 'timestamptz', ({ started_at }) => started_at),
  plain('finished_at', 'timestamptz', ({ finished_at }) => finished_at),
  plain('writer', 'uuid', ({ writer }) => writer),
  plain('sequence', 'bigint', ({ sequence }) => sequence),
  quoted('mac', ({ mac }) => mac)
]

const names = columns.map(({ name }) => name).join(', ')
const lists = columns.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')

/** Adds records; one that is there already stays as it is. */
export const insertText = `insert into call (${names}) select * from unnest(${lists}) on conflict do nothing`

/**
 * What goes with it: a list for each column. As one JSON text, with the names of the columns for each row, it is nearly
 * twice as long, and takes us and Postgres more than twice the time.
 */
export const insertLists = (rows: readonly Linked[]): string[] => columns.map(({ list }) => list(rows))
