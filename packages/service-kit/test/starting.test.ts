import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { freePort } from '@onbehalf/testkit'
import t from 'tap'
import { answerWhileStarting } from '../src/starting.ts'

t.test('who connects and says nothing, or half, does not keep the app from its address', async (t) => {
  const { port, end } = await answerWhileStarting({ host: '127.0.0.1', port: await freePort() })
  const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  const left = sockets.map((socket) => new Promise((resolve) => socket.on('error', resolve).once('close', resolve)))
  for (const socket of sockets) await once(socket, 'connect')
  sockets[1]?.write('GET /readyz HTTP/1.1\r\nHost: a')
  // The server has taken both when it has answered a third.
  t.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 503)
  await end()
  const app = createServer().listen(port, '127.0.0.1')
  await once(app, 'listening')
  t.match(app.address(), { port })
  app.close()
  await Promise.all(left)
})
