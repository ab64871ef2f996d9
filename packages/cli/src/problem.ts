/** How the command ends; documented in its help and in README. */
export const exitCodes = {
  done: 0,
  refused: 1,
  usage: 2,
  signIn: 3,
  unreachable: 4,
  toolFailed: 6,
  interrupted: 130
} as const

/** What is told to whoever ran the command, on standard error, in one sentence or two. */
export class Problem extends Error {
  override name = 'Problem'
  readonly exitCode: number

  constructor(kind: keyof typeof exitCodes, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCodes[kind]
  }
}
