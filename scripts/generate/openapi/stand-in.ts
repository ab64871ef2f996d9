const nothing = () => standIn

/**
 * Stands in for what a service holds open: whatever is read from it or called on it is itself again. With it an
 * app comes as far as its routes, which is all a description needs.
 */
export const standIn: object = new Proxy(nothing, {
  get: (_target, key) => {
    // Who waits for it is told that nobody is there, as when a server is away: a job tries again later.
    if (key === 'then') return (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('a stand-in'))
    // It is no list of anything, and no text.
    if (key === Symbol.iterator) return [][Symbol.iterator]
    if (key === Symbol.toPrimitive) return () => 'stand-in'
    return standIn
  }
})

/** `known`, and a stand-in for everything else that is read from it. */
export const withStandIns = (known: Readonly<Record<string, unknown>>): object =>
  new Proxy(known, {
    get: (target, key) => (typeof key === 'string' && key !== 'then' ? (target[key] ?? standIn) : undefined)
  })
