import { writeFileSync } from 'node:fs'

type Result = { profile?: unknown; result?: { value?: unknown } }
type Reply = { id: number; result: Result }

const connectTo = async (port: number) => {
  const targets = await fetch(`http://127.0.0.1:${port}/json/list`)
  const [, url = ''] = /"webSocketDebuggerUrl": *"([^"]+)"/.exec(await targets.text()) ?? []
  const socket = new WebSocket(url)
  const waiting = new Map<number, (reply: Reply) => void>()
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>()
  socket.onopen = () => resolve()
  socket.onerror = () => reject(new Error('the inspector cannot be reached'))
  socket.onmessage = ({ data }) => {
    const reply: Reply = JSON.parse(String(data))
    waiting.get(reply.id)?.(reply)
  }
  await opened
  let asked = 0
  return {
    ask: async (method: string, params = {}): Promise<Result> => {
      asked += 1
      const { promise, resolve: answer } = Promise.withResolvers<Reply>()
      waiting.set(asked, answer)
      socket.send(JSON.stringify({ id: asked, method, params }))
      return (await promise).result
    },
    close: () => socket.close()
  }
}

/** Profiles a process that was started with `--inspect`, from now until `stop`, which writes the file. */
export const startProfile = async (port: number, file: string): Promise<{ stop: () => Promise<void> }> => {
  const inspector = await connectTo(port)
  await inspector.ask('Profiler.enable')
  await inspector.ask('Profiler.setSamplingInterval', { interval: 200 })
  await inspector.ask('Profiler.start')
  return {
    stop: async () => {
      const { profile } = await inspector.ask('Profiler.stop')
      writeFileSync(file, JSON.stringify(profile))
      inspector.close()
    }
  }
}

/** What such a process holds once everything that it can let go of is gone. */
export const heapBytes = async (port: number): Promise<number> => {
  const inspector = await connectTo(port)
  await inspector.ask('HeapProfiler.collectGarbage')
  const expression = 'process.memoryUsage().heapUsed'
  const { result } = await inspector.ask('Runtime.evaluate', { expression })
  inspector.close()
  return Number(result?.value)
}
