import { Server } from 'node:net'

/*
 * Loaded with --import before a server that would listen on all interfaces: its listen(port) becomes
 * listen(port, '127.0.0.1').
 */
Server.prototype.listen = new Proxy(Server.prototype.listen, {
  apply: (listen, server, [port, ...rest]: unknown[]) => {
    const options = typeof port === 'object' ? port : { port: Number(port) }
    const callback = rest.find((argument) => typeof argument === 'function')
    return Reflect.apply(listen, server, [{ ...options, host: '127.0.0.1' }, callback])
  }
})
