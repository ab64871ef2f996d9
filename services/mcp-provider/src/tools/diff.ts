import type { Tool, ToolDefinition } from './tool.ts'

/** A tool as it was kept before. */
export type KnownTool = {
  name: string
  hash: string
  is_approved: boolean
  definition: ToolDefinition
  approved_definition: ToolDefinition | null
}

/** Names of tools. */
export type Diff = { added: string[]; changed: string[]; removed: string[] }

export const diffOf = (known: readonly Pick<KnownTool, 'name' | 'hash'>[], listed: readonly Tool[]): Diff => {
  const before = new Map(known.map(({ name, hash }) => [name, hash]))
  const now = new Set(listed.map(({ name }) => name))
  return {
    added: listed.filter(({ name }) => !before.has(name)).map(({ name }) => name),
    changed: listed.filter(({ name, hash }) => before.has(name) && before.get(name) !== hash).map(({ name }) => name),
    removed: known.filter(({ name }) => !now.has(name)).map(({ name }) => name)
  }
}

type Standing = { is_approved: boolean; approved_definition: ToolDefinition | null }

/**
 * Whether a tool may be called as it is listed now. Under review, what is new or another one than before waits, with what
 * was approved last beside it.
 */
export const standingOf = (tool: Tool, known: KnownTool | undefined, isReviewed: boolean): Standing => {
  if (!isReviewed) return { is_approved: true, approved_definition: null }
  if (!known) return { is_approved: false, approved_definition: null }
  const { hash, is_approved, definition, approved_definition } = known
  if (hash === tool.hash) return { is_approved, approved_definition }
  return { is_approved: false, approved_definition: is_approved ? definition : approved_definition }
}
