import { Skeleton } from '@mantine/core';

import { SkeletonRows } from '@/components/states';

import classes from './Frame.module.css';

/** The house before anybody is known to be in it: the shape of what comes. */
export function FramePending() {
  return (
    <div className={classes.frame} aria-busy="true">
      <div className={classes.rail}>
        {Array.from({ length: 5 }, (_, index) => (
          <div key={index} className={classes.item}>
            <Skeleton height={20} width={20} />
            <Skeleton height={8} width={34} mt={4} />
          </div>
        ))}
      </div>
      <div className={classes.top} />
      <div className={classes.main} style={{ padding: 24 }}>
        <Skeleton height={20} width={160} mb={24} />
        <SkeletonRows rows={8} height={44} />
      </div>
    </div>
  );
}
