import type { KeyObject } from 'node:crypto'
import { type Checkpoint, readCheckpoint } from './checkpoint.ts'
import { hmacWith } from './hmac.ts'
import type { Linked } from './link.ts'
import type { ChainStore } from './store.ts'
import { type Finding, stretchesByWriter, walkChain } from './walk.ts'

export type VerifyTools = {
  chain: Pick<ChainStore, 'page' | 'checkpoints' | 'countLoose'>
  recordKey: KeyObject
  checkpointKey: KeyObject
}

export type Verified = { records: number; chains: number; loose: number; forged: number; findings: Finding[] }

/**
 * Reads all records of calls along their chains, and compares them with the statements that are stored and with those
 * that were exported: what was stored can be removed together with the records.
 */
export const verifyRecords = async (
  { chain, recordKey, checkpointKey }: VerifyTools,
  exported: readonly string[] = []
): Promise<Verified> => {
  const statements = [...new Set([...(await chain.checkpoints()), ...exported])]
  const read = statements.map((statement) => readCheckpoint(checkpointKey, statement))
  const said = read.filter((one): one is Checkpoint => one !== undefined)
  const dropped = stretchesByWriter(said, 'dropped')
  const written = stretchesByWriter(said, 'written')
  const hmac = hmacWith(recordKey)
  const findings: Finding[] = []
  const seen = new Set<string>()
  const begin = (at: Pick<Linked, 'tenant_id' | 'writer'>) => {
    seen.add(at.writer)
    const known = { dropped: dropped.get(at.writer) ?? [], written: written.get(at.writer) ?? [] }
    return walkChain(hmac, at, known)
  }

  let records = 0
  let walk: { writer: string; along: ReturnType<typeof walkChain> } | undefined
  for (let rows = await chain.page(); rows.length > 0; rows = await chain.page(rows.at(-1))) {
    for (const row of rows) {
      if (walk?.writer !== row.writer) {
        findings.push(...(walk?.along.end() ?? []))
        walk = { writer: row.writer, along: begin(row) }
      }
      walk.along.take(row)
      records += 1
    }
  }
  findings.push(...(walk?.along.end() ?? []))
  // Chains of which nothing is left.
  for (const [writer, [first]] of written) if (first && !seen.has(writer)) findings.push(...begin(first).end())
  const forged = read.length - said.length
  return { records, chains: seen.size, loose: await chain.countLoose(), forged, findings }
}
