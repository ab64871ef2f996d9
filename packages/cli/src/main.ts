#!/usr/bin/env node
import { text } from 'node:stream/consumers'
import { run } from './run.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())

// Who reads the result may have seen enough (`| head`): that ends the command, and is no failure of it.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  print: (words) => void process.stdout.write(words),
  tell: (line) => void process.stderr.write(`${line}\n`),
  draw: (words) => void process.stderr.write(words),
  readInput: () => text(process.stdin),
  isTerminal: process.stderr.isTTY === true,
  signal: interrupted.signal
})
