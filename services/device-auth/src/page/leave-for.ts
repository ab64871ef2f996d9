import type { FastifyReply } from 'fastify'

/** Sends the browser on to a path of ours, and nobody keeps that it was. */
export const leaveFor = (reply: FastifyReply, path: string): FastifyReply =>
  reply.header('cache-control', 'no-store').redirect(path, 303)
