import { registerHooks } from 'node:module'

/*
 * Loaded with --import before the inspector's command line, which reads its version beside where its sources have it and
 * its package does not.
 */
registerHooks({
  resolve: (specifier, context, next) =>
    next(specifier === '../../package.json' ? '../package.json' : specifier, context)
})
