import { randomBytes } from 'node:crypto'
import { hashOf } from '@onbehalf/service-kit'

/** The secret of a device: 256 bits. */
export const makeDeviceCode = (): string => `dc_${randomBytes(32).toString('base64url')}`

/**
 * How a device code rests: 162 bits of its SHA-256, for which nobody finds a code. With the key's prefix they just fit into
 * what Redis sets aside for a string of 48 bytes.
 */
export const hashDeviceCode = (device_code: string): string => hashOf(device_code).slice(0, 27)
