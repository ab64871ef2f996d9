import type { Stretch } from './checkpoint.ts'
import type { Hmac } from './hmac.ts'
import { beginning, type Linked, macOf } from './link.ts'
import type { Month, MonthRecord } from './store.ts'

/** The record that was not written to a month by us. */
export type Stranger = Pick<Linked, 'tenant_id' | 'writer' | 'sequence' | 'id'>

type Given = Pick<Month, 'pages'> & {
  hmac: Hmac
  /** As `2026_01`. */
  month: string
  /** Of months that are gone, by writer. */
  dropped: ReadonlyMap<string, readonly Stretch[]>
  /** Checked at each page; throws its reason. */
  signal: AbortSignal
}

/** Which records a month has, or the first that we did not write, did not write there, or that follows one unknown. */
export const readMonth = async ({
  hmac,
  month,
  dropped,
  pages,
  signal
}: Given): Promise<{ stretches: Stretch[] } | { stranger: Stranger }> => {
  const stretches: Stretch[] = []
  for await (const page of pages) {
    signal.throwIfAborted()
    for (const row of page) {
      const { tenant_id, writer, sequence, id, mac } = row
      const last = stretches.at(-1)
      const follows = last?.writer === writer && last.last === sequence - 1
      const before = follows ? [last.mac] : beforeOf(row, dropped.get(writer))
      // The time is under the MAC; which partition a record is in is only what the database says.
      const isThere = row.started_at.startsWith(month.replace('_', '-'))
      if (!isThere || !before.some((one) => macOf(hmac, one, row) === mac))
        return { stranger: { tenant_id, writer, sequence, id } }
      if (follows) Object.assign(last, { last: sequence, mac })
      else stretches.push({ tenant_id, writer, first: sequence, last: sequence, mac })
    }
  }
  return { stretches }
}

const beforeOf = ({ sequence, before }: MonthRecord, dropped: readonly Stretch[] = []): string[] =>
  sequence === 1
    ? [beginning]
    : [...(before ?? []), ...dropped.flatMap(({ last, mac }) => (last === sequence - 1 ? [mac] : []))]
