import type { DataType, RecordBatch, Schema } from 'apache-arrow';

import { cellNumber, cellText, type Kind, kindOf, typeName } from './cells';

export type ResultColumn = { index: number; name: string; type: DataType; typeName: string; kind: Kind };

/** A query's answer as it arrives: record batches behind one row number. */
export class ResultSet {
  readonly columns: ResultColumn[];
  readonly batches: RecordBatch[];
  readonly rowCount: number;
  /** First row of each batch. */
  private readonly starts: Int32Array;

  constructor(schema: Schema, batches: RecordBatch[]) {
    this.batches = batches;
    this.columns = schema.fields.map((field, index) => ({
      index,
      name: field.name,
      type: field.type as DataType,
      typeName: typeName(field.type as DataType),
      kind: kindOf(field.type as DataType),
    }));
    this.starts = new Int32Array(batches.length);
    let rows = 0;
    batches.forEach((batch, index) => {
      this.starts[index] = rows;
      rows += batch.numRows;
    });
    this.rowCount = rows;
  }

  private batchOf(row: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  value(row: number, column: number): unknown {
    const at = this.batchOf(row);
    return this.batches[at]?.getChildAt(column)?.get(row - (this.starts[at] ?? 0));
  }

  text(row: number, column: number, zone: string, pretty = false): string | null {
    const found = this.columns[column];
    return found ? cellText(this.value(row, column), found.type, zone, pretty) : null;
  }

  /** A whole column's values; nulls stay null. */
  *values(column: number): Generator<unknown> {
    for (const batch of this.batches) {
      const vector = batch.getChildAt(column);
      for (let row = 0; row < batch.numRows; row += 1) yield vector?.get(row);
    }
  }

  numbers(column: number): Float64Array {
    const type = this.columns[column]?.type;
    const found = new Float64Array(this.rowCount);
    let row = 0;
    for (const value of this.values(column)) {
      found[row] = type ? (cellNumber(value, type) ?? Number.NaN) : Number.NaN;
      row += 1;
    }
    return found;
  }
}
