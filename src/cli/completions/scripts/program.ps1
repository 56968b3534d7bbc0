# Completions of %PROGRAM% for PowerShell. They ask the program itself, and fall back to files.
Register-ArgumentCompleter -Native -CommandName %PROGRAM% -ScriptBlock {
    param($current, $line, $position)
    $words = @($line.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { $_.ToString() })
    & %PROGRAM% __complete "--current=$current" -- @words 2>$null | ForEach-Object {
        $value, $about = $_ -split "`t", 2
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $about)
    }
}
