import { createStatements, type Message, readiness } from './messages.ts'

/** What a client's message would commit: the statements of its transaction, or the one that stands alone. */
export type Commit = { statements: readonly string[] }

/** Follows one connection, and tells which messages of its client commit what. */
export const createCommits = () => {
  const statementOf = createStatements()
  let isInTransaction = false
  let open: string[] = []
  return {
    ofClient: (message: Message): Commit | undefined => {
      const statement = statementOf(message)
      if (statement === undefined) return undefined
      if (/^\s*(begin|start transaction|rollback)/i.test(statement)) {
        open = []
        return undefined
      }
      if (/^\s*commit/i.test(statement)) return { statements: open }
      if (!isInTransaction) return { statements: [statement] }
      open.push(statement)
      return undefined
    },
    /** Whether the server is done with what it was asked. */
    ofServer: (message: Message): boolean => {
      const ready = readiness(message)
      if (ready) isInTransaction = ready.isInTransaction
      return ready !== undefined
    }
  }
}
