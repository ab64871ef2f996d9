import type { Checkpoint, Stretch } from './checkpoint.ts'
import type { Hmac } from './hmac.ts'
import { beginning, type Linked, macOf } from './link.ts'

/** What was found of one chain, in words; nothing where it is whole. */
export type Finding = { tenant_id: string; writer: string; words: string }

/** Walks along one chain: take each record in the order of its sequence, then ask how it ended. */
export const walkChain = (
  hmac: Hmac,
  { tenant_id, writer }: Pick<Linked, 'tenant_id' | 'writer'>,
  said: { dropped: readonly Stretch[]; written: readonly Stretch[] }
) => {
  const dropped = said.dropped.toSorted((one, other) => one.first - other.first)
  const macs = new Map(said.written.map(({ last, mac }) => [last, mac]))
  const findings: Finding[] = []
  let next = 1
  let before = beginning
  const find = (words: string) => findings.push({ tenant_id, writer, words })

  const skipDropped = () => {
    for (let one = dropped[0]; one && one.first <= next; one = dropped[0]) {
      dropped.shift()
      if (one.last < next) continue
      next = one.last + 1
      before = one.mac
    }
  }
  const goTo = (sequence: number) => {
    // Only where something is not there: what was stated may still be, where dropping it came to nothing.
    if (next < sequence) skipDropped()
    while (next < sequence) {
      const until = Math.min(sequence, dropped[0]?.first ?? sequence) - 1
      find(next === 1 ? `cut: the first ${until} are gone` : `removed: ${range(next, until)}`)
      next = until + 1
      before = unknown
      skipDropped()
    }
  }

  return {
    take: (row: Linked) => {
      goTo(row.sequence)
      const isTwice = row.sequence < next
      const isChanged = before !== unknown && macOf(hmac, before, row) !== row.mac
      const isReplaced = (macs.get(row.sequence) ?? row.mac) !== row.mac
      if (isTwice) find(`added: another ${row.sequence} (${row.id})`)
      else if (isChanged || isReplaced) find(`changed: ${row.sequence} (${row.id})`)
      if (isTwice) return
      next = row.sequence + 1
      before = row.mac
    },
    end: (): Finding[] => {
      const last = Math.max(0, ...said.written.map((one) => one.last))
      skipDropped()
      if (last >= next) find(`shortened: it ends with ${next - 1}, and a checkpoint says ${last}`)
      return findings
    }
  }
}

// Of a record that is gone; what follows it cannot be told to be changed, only where it is in the chain.
const unknown = 'unknown'

const range = (from: number, until: number): string => (from === until ? String(from) : `${from} to ${until}`)

/** The stretches that the statements name of each chain, by its writer. */
export const stretchesByWriter = (checkpoints: readonly Checkpoint[], kind: Checkpoint['kind']) =>
  Map.groupBy(
    checkpoints.flatMap((one) => (one.kind === kind ? one.stretches : [])),
    ({ writer }) => writer
  )
