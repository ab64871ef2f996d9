#!/usr/bin/env node
import { text } from 'node:stream/consumers'
import { run } from './run.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())

process.exitCode = await run(process.argv.slice(2), {
  env: process.env,
  print: (words) => void process.stdout.write(words),
  tell: (line) => void process.stderr.write(`${line}\n`),
  draw: (words) => void process.stderr.write(words),
  readInput: () => text(process.stdin),
  isTerminal: process.stderr.isTTY === true,
  signal: interrupted.signal
})
