import { Server } from 'node:net'

/*
 * Loaded with --import before the conformance suite, whose servers listen on all interfaces and on any free port: here
 * each takes the next of CONFORMANCE_PORTS (`first-last`), on loopback, so that EGRESS_ALLOW can name them.
 */
const [first = 0, last = 0] = (process.env.CONFORMANCE_PORTS ?? '').split('-').map(Number)
let next = first

Server.prototype.listen = new Proxy(Server.prototype.listen, {
  apply: (_listen, server: Server, given: unknown[]) => {
    const callback = given.find((argument) => typeof argument === 'function')
    if (next > last) throw new Error('the suite wants more ports than there are')
    const port = next
    next += 1
    if (callback) server.once('listening', () => Reflect.apply(callback, server, []))
    // With a host `listen` looks it up first, and the suite asks for the port at once.
    Reflect.apply(Reflect.get(server, '_listen2'), server, ['127.0.0.1', port, 4, 511])
    return server
  }
})
