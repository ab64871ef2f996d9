import type { App } from '@onbehalf/service-kit'

const bytesMax = 16 * 1024

/** The longest that is sent here is an address. Most comes from strangers, and to read a form of a MiB takes 0.2 s. */
export const limitBodies = (app: App): void => {
  app.addHook('onRoute', (route) => {
    route.bodyLimit ??= bytesMax
  })
}
