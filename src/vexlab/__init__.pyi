from vexlab.library.collector import ResultCollector as ResultCollector
from vexlab.library.machines import VMConfig as VMConfig
from vexlab.library.machines import VMInstance as VMInstance
from vexlab.library.machines import VMManager as VMManager
from vexlab.library.stress import StressTestFramework as StressTestFramework
from vexlab.plugin import DomainBase as DomainBase
from vexlab.plugin import TestResult as TestResult
from vexlab.plugin import TestStatus as TestStatus
from vexlab.session import Request as Request
from vexlab.session import execute as execute

__version__: str
pytest_plugins: tuple[str, ...]
