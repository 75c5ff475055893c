// Stands where pkexec is, in one app's view of the files only, and says yes for the person: it becomes root as pkexec
// would, with as empty an environment, and runs what it was given. Set-uid root, for tests.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <unistd.h>

int main(int count, char** arguments) {
  if (count < 2) return 127;
  const std::string user = std::to_string(getuid());
  if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0) {
    std::perror("pkexec");
    return 127;
  }
  clearenv();
  setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  setenv("PKEXEC_UID", user.c_str(), 1);
  execv(arguments[1], arguments + 1);
  std::perror(arguments[1]);
  return 127;
}
