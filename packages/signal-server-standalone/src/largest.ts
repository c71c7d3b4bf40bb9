/**
 * Whether a gauge of an endpoint is a maximum, such as the clients of the largest app: of several
 * processes the largest counts, and all others are added up.
 */
export const isLargest = (gauge: string): boolean => gauge.startsWith('largest')
