/** Settles when the process is asked to end. */
export const untilSignal = (): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>()
  process.once('SIGINT', () => resolve())
  process.once('SIGTERM', () => resolve())
  return promise
}
