import type { Chart, Curve } from './curves.ts';
import { kneeOf } from './saturation.ts';
import type { MeasuredStep, Sweep } from './sweep.ts';

const colours = ['#2f81b7', '#d1603d', '#4a8f3c', '#8250df'];

/** Latency and throughput over the rate, a colour for each sweep. */
export function chartsOf(sweeps: readonly Sweep[], mostP99Ms: number): Chart[] {
  const colourOf = (place: number): string => colours[place % colours.length] ?? '';
  const curve = (place: number, name: string, y: (step: MeasuredStep) => number): Curve => ({
    name: `${sweeps[place]?.name}${name}`,
    colour: colourOf(place),
    points: (sweeps[place]?.steps ?? []).map((step) => ({ x: step.rate, y: y(step) })),
  });
  const rates = sweeps.flatMap(({ steps }) => steps.map(({ rate }) => rate));
  const marks = sweeps.flatMap(({ name, steps }, place) => {
    const knee = kneeOf(steps, mostP99Ms);
    return knee === undefined
      ? []
      : [{ x: knee.rate, text: `knee of ${name}: ${knee.rate}`, colour: colourOf(place) }];
  });
  return [
    {
      title: `Latency from the due time; the knee is the last rate with p99 up to ${mostP99Ms} ms`,
      xLabel: 'requests a second that were due',
      yLabel: 'milliseconds',
      isLogarithmic: true,
      marks,
      curves: sweeps.flatMap((_, place) => [
        curve(place, ', p99', ({ p99Ms }) => p99Ms),
        { ...curve(place, ', p50', ({ p50Ms }) => p50Ms), isDashed: true },
      ]),
    },
    {
      title: 'Throughput',
      xLabel: 'requests a second that were due',
      yLabel: 'answered a second',
      curves: [
        {
          name: 'all',
          colour: '#8c959f',
          isDashed: true,
          points: [0, Math.max(0, ...rates)].map((x) => ({ x, y: x })),
        },
        ...sweeps.map((_, place) => curve(place, '', ({ answered }) => answered)),
      ],
    },
  ];
}
