/**
 * Names the workers that can take over each other's sessions and work. Only the same brokers hold their sessions, and only in the
 * same share group is a taken-over request theirs.
 */
export function fleetOf({
  shareGroup,
  urls,
}: {
  readonly shareGroup: string;
  readonly urls: readonly string[];
}) {
  return `${shareGroup}@${urls
    .map((url) => new URL(url).host)
    .sort()
    .join(',')}`;
}
