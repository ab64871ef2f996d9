/** Where what nobody expected on the bus is written. */
export type Report = (failure: { subject: string; error: unknown }) => void
