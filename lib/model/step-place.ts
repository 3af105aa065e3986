/** Where a step is, or was. */
export interface StepPlace {
  readonly definition: string;
  readonly path: string;
}

/** A step's place as one text. No name has a line break. */
export function placeName({ definition, path }: StepPlace): string {
  return `${definition}\n${path}`;
}
