/** A figure, and what it shall be at most (or at least); without a target it is only told. */
export type Row = { what: string; value: number; unit: string; target?: number; isLeast?: boolean; note?: string }

export const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)] ?? Number.NaN

const written = (value: number): string =>
  Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))

export const isMet = ({ value, target, isLeast }: Row): boolean =>
  target === undefined || (isLeast ? value >= target : value <= target)

/** One line of the table: the figure, its target, and whether it was met. */
export const lineOf = (row: Row): string => {
  const { what, value, unit, target, isLeast, note } = row
  const wanted = target === undefined ? '' : `${isLeast ? 'at least' : 'at most'} ${written(target)}`
  const verdict = target === undefined ? '' : isMet(row) ? 'met' : 'MISSED'
  const told = `${written(value)} ${unit}`.trimEnd()
  return [`  ${what.padEnd(50)}`, told.padStart(16), wanted.padStart(16), verdict.padEnd(7), note ?? '']
    .join(' ')
    .trimEnd()
}
