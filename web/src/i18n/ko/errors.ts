export const error = {
  error: '예상하지 못한 일이 생겼어요',
  invalid_input: '이대로는 받을 수 없어요',
  sql: '쿼리에 고칠 곳이 있어요',
  unsupported_media: '읽을 수 없는 종류의 데이터예요',
  unauthenticated: '로그인이 필요해요',
  denied: '이 일을 할 권한이 없어요',
  foreign_host: '이 주소로는 Madang을 쓸 수 없어요',
  not_found: '찾는 것이 없어요',
  method_not_allowed: '여기에서는 할 수 없는 일이에요',
  conflict: '이미 있거나, 그사이에 바뀌었어요',
  too_large: '크기 한도를 넘었어요',
  overloaded: '한꺼번에 너무 많아요. 잠시 뒤에 다시 해 주세요',
  storage_full: '디스크가 가득 찼어요',
  unavailable: 'Madang의 한 부분이 지금 꺼져 있어요',
  deadline: '너무 오래 걸려서 멈췄어요',
  cancelled: '누군가 취소했어요',
  client_gone: '연결이 끊겼어요',
  fenced: '다른 곳에서 먼저 썼어요',
  corruption: '디스크에 있는 데이터가 손상됐어요',
  project: '프로젝트 파일에 고칠 곳이 있어요',
  http: '서버가 오류로 답했어요',
};

export const problem = {
  disk_full: '디스크가 가득 차서 아무것도 받지 못하고 있어요',
  disk_low: '디스크가 거의 찼어요',
  role_down: '{{name}} 프로세스가 꺼져서 다시 시작하고 있어요',
  role_restarts: '프로세스가 여러 번 다시 시작했어요',
  project_broken: '프로젝트 파일에 고칠 곳이 있어요. 마지막으로 맞았던 상태로 계속하고 있어요',
  source_failing: '소스를 읽지 못하고 있어요',
  delivery_failing: '테이블을 채우지 못하고 있어요',
  delivery_late: '테이블이 스트림보다 늦어지고 있어요',
};

export const deadCode = {
  invalid_json: 'JSON이 아님',
  invalid_utf8: 'UTF-8 텍스트가 아님',
  not_an_object: '객체가 아닌 JSON',
  invalid_csv: 'CSV가 아님',
  contract: '계약에 어긋남',
  too_large: '너무 큼',
  no_match: '패턴과 맞지 않음',
};
