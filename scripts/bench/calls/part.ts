import type { Gateway, Rig } from './rig.ts'
import type { Row } from './table.ts'

/** What one part of the benchmark has to work with; `seconds` is how long one measurement takes. */
export type Given = { rig: Rig; gateway: Gateway; seconds: number; rounds: number; warmUpSeconds: number; many: number }

export type Part = (given: Given) => Promise<Row[]>
