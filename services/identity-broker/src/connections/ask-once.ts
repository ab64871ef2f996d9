/** Asks once for all who ask for the same meanwhile. */
export const createAskOnce = <Answer>() => {
  const asking = new Map<string, Promise<Answer>>()
  return (key: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const running = asking.get(key)
    if (running !== undefined) return running
    const asked = ask().finally(() => asking.delete(key))
    asking.set(key, asked)
    return asked
  }
}
