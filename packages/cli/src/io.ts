/** What a command has of the world around it. */
export type Io = {
  env: Readonly<Record<string, string | undefined>>
  /** The result, and nothing else: standard output. */
  print: (text: string) => void
  /** Everything else: a line on standard error. */
  tell: (line: string) => void
  /** The same without an end of line, on a terminal only. */
  draw: (text: string) => void
  readInput: () => Promise<string>
  isTerminal: boolean
  /** Ctrl-C. */
  signal: AbortSignal
}
