import type { Linked } from '../chain/link.ts'

type Column = { type: string; list: (rows: readonly Linked[]) => string }

/** Of values that are written in an array as they are: ids, times, digests and words of our own. */
const plain = (type: string, of: (row: Linked) => string | number | null): Column => ({
  type,
  list: (rows) => `{${rows.map((row) => of(row) ?? 'NULL').join(',')}}`
})

/** Of what others wrote. */
const quoted = (of: (row: Linked) => string | null): Column => ({
  type: 'text',
  list: (rows) => `{${rows.map((row) => quote(of(row))).join(',')}}`
})

// PostgreSQL documentation §8.15.6: in quotes only a quote and a backslash mean something.
const quote = (text: string | null): string => {
  if (text === null) return 'NULL'
  return `"${text.includes('"') || text.includes('\\') ? text.replace(/["\\]/g, '\\$&') : text}"`
}

// One that is left out here does not compile: it would be stored as null.
const columns: Record<keyof Linked, Column> = {
  id: plain('uuid', ({ id }) => id),
  kind: plain('text', ({ kind }) => kind),
  call_id: plain('uuid', ({ call_id }) => call_id),
  tenant_id: plain('uuid', ({ tenant_id }) => tenant_id),
  user_id: plain('uuid', ({ user_id }) => user_id),
  app_id: plain('uuid', ({ app_id }) => app_id),
  credential_kind: plain('text', ({ credential_kind }) => credential_kind),
  credential_id: plain('uuid', ({ credential_id }) => credential_id),
  provider_id: plain('uuid', ({ provider_id }) => provider_id),
  server_identifier: quoted(({ server_identifier }) => server_identifier),
  tool: quoted(({ tool }) => tool),
  tool_hash: quoted(({ tool_hash }) => tool_hash),
  arguments_digest: plain('text', ({ arguments_digest }) => arguments_digest),
  arguments: quoted((row) => row.arguments),
  mode: quoted(({ mode }) => mode),
  audience: quoted(({ audience }) => audience),
  subject: quoted(({ subject }) => subject),
  token_jti: quoted(({ token_jti }) => token_jti),
  outcome: quoted(({ outcome }) => outcome),
  upstream_status: plain('integer', ({ upstream_status }) => upstream_status),
  started_at: plain('timestamptz', ({ started_at }) => started_at),
  finished_at: plain('timestamptz', ({ finished_at }) => finished_at),
  writer: plain('uuid', ({ writer }) => writer),
  sequence: plain('bigint', ({ sequence }) => sequence),
  mac: plain('text', ({ mac }) => mac)
}

const names = Object.keys(columns).join(', ')
const listed = Object.values(columns)
const lists = listed.map(({ type }, index) => `$${index + 1}::${type}[]`).join(', ')

/** Adds records; one that is there already stays as it is. */
export const insertStatement = {
  name: 'insert calls',
  text: `insert into call (${names}) select * from unnest(${lists}) on conflict do nothing`
}

/**
 * What goes with it: a list for each column. As one JSON text, with the names of the columns for each row, it is nearly
 * twice as long, and takes us and Postgres more than twice the time.
 */
export const insertLists = (rows: readonly Linked[]): string[] => listed.map(({ list }) => list(rows))
