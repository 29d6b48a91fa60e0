import { SkeletonRows } from '@/components/states';

export default function Soon() {
  return <SkeletonRows />;
}
