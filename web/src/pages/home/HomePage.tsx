import { Skeleton } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useOverview } from '@/api/queries';
import { Page } from '@/components/Page';
import { SkeletonRows, WhenLoaded } from '@/components/states';

import { Figures } from './Figures';
import { FirstData } from './FirstData';
import { Flow } from './Flow';
import classes from './Home.module.css';
import { LooseTables } from './LooseTables';
import { Problems } from './Problems';
import { Roles } from './Roles';

function HomeSkeleton() {
  return (
    <>
      <div className={classes.figures}>
        {Array.from({ length: 5 }, (_, index) => (
          <div key={index} className={classes.figure}>
            <Skeleton height={10} width={70} />
            <Skeleton height={20} width={90} mt={8} />
            <Skeleton height={10} width={110} mt={8} />
          </div>
        ))}
      </div>
      <div className={classes.shell}>
        <SkeletonRows rows={7} height={52} />
      </div>
    </>
  );
}

export default function HomePage() {
  const { t } = useTranslation();
  const overview = useOverview(2000);
  return (
    <Page title={t('page.home')}>
      <WhenLoaded query={overview} skeleton={<HomeSkeleton />}>
        {(data) => (
          <>
            {data.problems.length > 0 && <Problems problems={data.problems} />}
            <Figures overview={data} />
            {data.streams.length === 0 ? <FirstData /> : <Flow overview={data} />}
            <div className={classes.pair}>
              <LooseTables overview={data} />
              <Roles roles={data.roles} />
            </div>
          </>
        )}
      </WhenLoaded>
    </Page>
  );
}
